/* What tests load in the place of libk4abt: its functions and structures, and failures on demand.
 *
 * K4ABT_STUB says what fails: a comma-separated list of
 *   no_model     tracker_create fails as where a file that it needs is missing
 *   no_gpu       tracker_create fails but on the CPU
 *   queue_full   enqueue_capture times out, but for the first three captures
 *   enqueue_lost enqueue_capture fails
 *   pop_lost     pop_result fails after two results
 *   no_body      nobody is in view
 *   half_body    get_body_skeleton fails for the second body
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { SUCCEEDED = 0, FAILED = 1, TIMEOUT = 2 } result_t;

typedef struct
{
    int sensor_orientation;
    int processing_mode;
    int32_t gpu_device_id;
    const char *model_path;
} configuration_t;

typedef struct
{
    float position[3];
    float orientation_wxyz[4];
    int confidence_level;
} joint_t;

typedef struct
{
    joint_t joints[32];
} skeleton_t;

/* The head of k4a_calibration_t: the depth camera, up to its size. */
typedef struct
{
    float rotation[9], translation[3];
    int type;
    unsigned int parameter_count;
    float parameters[15];
    int resolution_width, resolution_height;
} calibration_t;

typedef struct
{
    configuration_t configuration;
    float smoothing;
    int width, height;
    int queued, taken, popped, closed;
} tracker_t;

typedef struct
{
    int number;
    tracker_t tracker;
} frame_t;

/* For the tests to see that all is released. */
int k4abt_stub_trackers = 0;
int k4abt_stub_frames = 0;
float k4abt_stub_smoothing = -1.0f;
configuration_t k4abt_stub_configuration;
void *k4abt_stub_capture = NULL;

static int fails(const char *what)
{
    const char *list = getenv("K4ABT_STUB");
    return list != NULL && strstr(list, what) != NULL;
}

static void write_log(const char *line)
{
    const char *path = getenv("K4ABT_ENABLE_LOG_TO_A_FILE");
    FILE *file = path != NULL ? fopen(path, "a") : NULL;
    if (file != NULL)
    {
        fprintf(file, "[error] %s\n", line);
        fclose(file);
    }
}

result_t k4abt_tracker_create(const calibration_t *calibration, configuration_t configuration, tracker_t **handle)
{
    if (fails("no_model"))
    {
        write_log("Find model file failed: dnn_model_2_0_op11.onnx");
        return FAILED;
    }
    if (fails("no_gpu") && configuration.processing_mode != 1)
    {
        write_log("Load library failed: libonnxruntime_providers_cuda.so: no CUDA-capable device is detected");
        return FAILED;
    }
    tracker_t *tracker = calloc(1, sizeof(tracker_t));
    tracker->configuration = configuration;
    tracker->width = calibration->resolution_width;
    tracker->height = calibration->resolution_height;
    k4abt_stub_configuration = configuration;
    k4abt_stub_trackers++;
    *handle = tracker;
    return SUCCEEDED;
}

void k4abt_tracker_destroy(tracker_t *tracker)
{
    k4abt_stub_trackers--;
    free(tracker);
}

void k4abt_tracker_shutdown(tracker_t *tracker)
{
    tracker->closed = 1;
}

void k4abt_tracker_set_temporal_smoothing(tracker_t *tracker, float smoothing)
{
    k4abt_stub_smoothing = tracker->smoothing = smoothing;
}

result_t k4abt_tracker_enqueue_capture(tracker_t *tracker, void *capture, int32_t timeout_in_ms)
{
    (void)timeout_in_ms;
    if (tracker->closed || capture == NULL || fails("enqueue_lost"))
    {
        return FAILED;
    }
    if (fails("queue_full") && tracker->taken >= 3)
    {
        return TIMEOUT;
    }
    k4abt_stub_capture = capture;
    tracker->queued++;
    tracker->taken++;
    return SUCCEEDED;
}

result_t k4abt_tracker_pop_result(tracker_t *tracker, frame_t **handle, int32_t timeout_in_ms)
{
    (void)timeout_in_ms;
    if (fails("pop_lost") && tracker->popped >= 2)
    {
        return FAILED;
    }
    if (tracker->queued == 0)
    {
        return tracker->closed ? FAILED : TIMEOUT;
    }
    frame_t *frame = calloc(1, sizeof(frame_t));
    frame->number = tracker->popped++;
    frame->tracker = *tracker;
    tracker->queued--;
    k4abt_stub_frames++;
    *handle = frame;
    return SUCCEEDED;
}

void k4abt_frame_release(frame_t *frame)
{
    k4abt_stub_frames--;
    free(frame);
}

uint32_t k4abt_frame_get_num_bodies(frame_t *frame)
{
    (void)frame;
    return fails("no_body") ? 0 : 2;
}

uint32_t k4abt_frame_get_body_id(frame_t *frame, uint32_t index)
{
    (void)frame;
    return 11 + index;
}

/* Joint j of body b in frame n is at (10 j, -20 j, 1000 + 500 b + n) mm; the width and height of the
 * depth image are where joint 31 is. Levels go round: 0, 1, 2, 0, ... */
result_t k4abt_frame_get_body_skeleton(frame_t *frame, uint32_t index, skeleton_t *skeleton)
{
    if (fails("half_body") && index == 1)
    {
        return FAILED;
    }
    for (int joint = 0; joint < 32; joint++)
    {
        joint_t *out = &skeleton->joints[joint];
        out->position[0] = 10.0f * (float)joint;
        out->position[1] = -20.0f * (float)joint;
        out->position[2] = 1000.0f + 500.0f * (float)index + (float)frame->number;
        out->orientation_wxyz[0] = 1.0f;
        out->confidence_level = joint % 3;
    }
    skeleton->joints[31].position[0] = (float)frame->tracker.width;
    skeleton->joints[31].position[1] = (float)frame->tracker.height;
    return SUCCEEDED;
}

uint64_t k4abt_frame_get_device_timestamp_usec(frame_t *frame)
{
    return 1000000u + 33333u * (uint64_t)frame->number;
}
